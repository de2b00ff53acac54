# The older route: a person, not the application, opens the mailboxes of
# endpoint.microsoft365.new. Made by: mailhaul setup microsoft365 --delegated
#
# It was composed from Microsoft's documentation and never run against a tenant.
# Prefer the application's own sign-in (without --delegated) where you can:
#
# - Security Defaults ask each administrator for a second factor. An admin block
#   with user and password can't answer it (OAUTH-MFA-NEEDED); device_code = true
#   can, once, in a browser.
# - Conditional Access blocks the device code flow in many tenants, and passwords
#   without a second factor in most (OAUTH-CONDITIONAL-ACCESS). The account or the
#   application must be left out of such policies for the time of the migration.
# - Whoever signs in needs full access to every mailbox, until -Teardown.
# - Over EWS a person opens the mailboxes with their own rights, as Exchange Online
#   has no role for impersonation any more: impersonate = false in the endpoint.
# - Graph is left out: Microsoft names no permission by which a person may import
#   into somebody else's mailbox.
#
#   ./delegated.ps1 -Person ADDRESS             set up
#   ./delegated.ps1 -Person ADDRESS -Teardown   take it away again
param([Parameter(Mandatory)][string]$Person, [switch]$Teardown)
$ErrorActionPreference = 'Stop'
# Cmdlets that come from a module heed the line above only so.
$PSDefaultParameterValues = @{ '*:ErrorAction' = 'Stop' }
trap {
  Write-Host "Stopped: $_"
  Write-Host 'Mend that and run the script again: it finds what is done and goes on from there.'
  Write-Host 'What was made a moment ago may take minutes to be found: wait, and run it again.'
  exit 1
}
# az is a program: PowerShell would go on after its failure.
function az {
  & (Get-Command az -CommandType Application | Select-Object -First 1) @args
  if ($LASTEXITCODE) { throw "az $($args[0..3]) failed; its own words stand above." }
}
$tenant = 'contoso.onmicrosoft.com'
$app = '11111111-2222-3333-4444-555555555555'
# A mailbox that is there no more: take its line out here, and out of $mailboxFile.
$mailboxes = @(
  '${x}“å”}&#%|=@contoso.example'
  '''@contoso.example'
  'anna@contoso.example'
  'o''hara@contoso.example'
  'o’’h$x`n@contoso.example'
)
# What is made and changed is noted in these files of this folder: keep them.
$appFile = "mailhaul-$tenant-app.txt"
$mailboxFile = "mailhaul-$tenant-mailboxes.csv"
$ewsFile = "mailhaul-$tenant-ews.csv"
# What Graph needs: messages read and changed, and messages imported (a preview).
$roles = 'Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All'

az login --tenant $tenant --allow-no-subscriptions | Out-Null
Connect-ExchangeOnline -ShowBanner:$false

# The application that the endpoint names, or the one that an earlier run has made.
$known = az ad app list --app-id $app --query '[].appId' -o tsv
if (-not $known -and (Test-Path $appFile)) {
  $app = Get-Content $appFile
  $known = az ad app list --app-id $app --query '[].appId' -o tsv
}

if ($Teardown) {
  foreach ($m in $mailboxes) {
    Remove-MailboxPermission -Identity $m -User $Person -AccessRights FullAccess -Confirm:$false
  }
  $before = if (Test-Path $mailboxFile) { Import-Csv $mailboxFile }
  foreach ($b in $before) {
    Set-CASMailbox -Identity $b.Mailbox -ImapEnabled ($b.ImapEnabled -eq 'True')
    Set-CASMailbox -Identity $b.Mailbox -EwsEnabled ($b.EwsEnabled -ne 'False')
    Set-Mailbox -Identity $b.Mailbox -MaxReceiveSize $b.MaxReceiveSize -MaxSendSize $b.MaxSendSize
  }
  if (Test-Path $ewsFile) {
    $before = Import-Csv $ewsFile
    $enabled = if ($before.EwsEnabled) { $before.EwsEnabled -eq 'True' } else { $null }
    Set-OrganizationConfig -EwsEnabled $enabled -EwsAllowedAppIDs $before.EwsAllowedAppIDs
  }
  if ($known) { az ad app delete --id $app }
  Remove-Item $appFile, $mailboxFile, $ewsFile -ErrorAction Ignore
  exit
}

# A public client: it has no secret, and a person proves who is there.
$uri = 'https://login.microsoftonline.com/common/oauth2/nativeclient'
if (-not $known) {
  $app = az ad app create --display-name mailhaul --sign-in-audience AzureADMyOrg `
    --is-fallback-public-client true --public-client-redirect-uris http://localhost $uri --query appId -o tsv
  Set-Content $appFile $app
} else {
  az ad app update --id $app --is-fallback-public-client true --public-client-redirect-uris http://localhost $uri
}
if ($app -ne '11111111-2222-3333-4444-555555555555') { Write-Host "Write client_id = `"$app`" into the endpoint." }
if (-not (az ad sp list --filter "appId eq '$app'" --query '[].id' -o tsv)) {
  az ad sp create --id $app | Out-Null
}

# Delegated permissions of Office 365 Exchange Online: IMAP.AccessAsUser.All, and
# EWS.AccessAsUser.All for tools and transports that use EWS.
$exchange = '00000002-0000-0ff1-ce00-000000000000'
$there = az ad app permission list --id $app --query '[].resourceAccess[].id' -o tsv
foreach ($name in 'IMAP.AccessAsUser.All', 'EWS.AccessAsUser.All') {
  $id = az ad sp show --id $exchange --query "oauth2PermissionScopes[?value=='$name'].id | [0]" -o tsv
  if ($id -notin $there) {
    az ad app permission add --id $app --api $exchange --api-permissions "$id=Scope"
  }
}
az ad app permission admin-consent --id $app

# What is changed is noted, so that -Teardown can put it back. What an earlier run
# has noted, for these mailboxes or for others, stays.
$org = Get-OrganizationConfig
if (-not (Test-Path $ewsFile)) {
  $org | Select-Object EwsEnabled, EwsAllowedAppIDs | Export-Csv $ewsFile
}
$noted = if (Test-Path $mailboxFile) { (Import-Csv $mailboxFile).Mailbox }
$mailboxes | Where-Object { $_ -notin $noted } | ForEach-Object {
  $box = Get-Mailbox -Identity $_
  $cas = Get-CASMailbox -Identity $_
  [pscustomobject]@{ Mailbox = $_; ImapEnabled = $cas.ImapEnabled; EwsEnabled = $cas.EwsEnabled
    MaxReceiveSize = $box.MaxReceiveSize; MaxSendSize = $box.MaxSendSize }
} | Export-Csv $mailboxFile -Append

# EWS itself: on for the organisation and the mailbox, and the application on the list.
$allowed = @("$($org.EwsAllowedAppIDs)" -split ',' | Where-Object { $_ }) + $app | Select-Object -Unique
Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs ($allowed -join ',')
foreach ($m in $mailboxes) {
  Add-MailboxPermission -Identity $m -User $Person -AccessRights FullAccess -AutoMapping $false | Out-Null
  Set-CASMailbox -Identity $m -ImapEnabled $true -EwsEnabled $true
  # max_message of the endpoint is more than the default of 35 MB.
  Set-Mailbox -Identity $m -MaxReceiveSize 100MB -MaxSendSize 100MB
}
Write-Host 'Done. In the endpoint: device_code = true, impersonate = false. It can take an hour to count.'
