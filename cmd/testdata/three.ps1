# What Microsoft 365 needs so that mailhaul may open the mailboxes of
# endpoint.microsoft365.new, and nothing else. Made by: mailhaul setup microsoft365
#
# It was composed from Microsoft's documentation and never run against a tenant:
# read it, and try it with one mailbox first. It needs PowerShell 7, the Azure CLI
# (az) and the module ExchangeOnlineManagement, and somebody who is Cloud
# Application Administrator and Exchange Administrator and may grant admin consent.
#
#   ./setup.ps1             set up
#   ./setup.ps1 -Teardown   take all of it away again, after the migration
param([switch]$Teardown)
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
  $sp = az ad sp list --filter "appId eq '$app'" --query '[].id' -o tsv
  foreach ($m in $mailboxes | Where-Object { $sp }) {
    Remove-MailboxPermission -Identity $m -User $sp -AccessRights FullAccess -Confirm:$false
  }
  $before = if (Test-Path $mailboxFile) { Import-Csv $mailboxFile }
  foreach ($b in $before) {
    Set-CASMailbox -Identity $b.Mailbox -ImapEnabled ($b.ImapEnabled -eq 'True')
    Set-CASMailbox -Identity $b.Mailbox -EwsEnabled ($b.EwsEnabled -ne 'False')
    Set-Mailbox -Identity $b.Mailbox -MaxReceiveSize $b.MaxReceiveSize -MaxSendSize $b.MaxSendSize
  }
  if (Get-ManagementRoleAssignment | Where-Object Name -eq mailhaul-ews) {
    Remove-ManagementRoleAssignment -Identity mailhaul-ews -Confirm:$false
  }
  if (Get-ManagementScope | Where-Object Name -eq mailhaul-ews) {
    Remove-ManagementScope -Identity mailhaul-ews -Confirm:$false
  }
  if (Get-DistributionGroup -Filter "Name -eq 'mailhaul-ews'") {
    Remove-DistributionGroup -Identity mailhaul-ews -Confirm:$false
  }
  if (Test-Path $ewsFile) {
    $before = Import-Csv $ewsFile
    $enabled = if ($before.EwsEnabled) { $before.EwsEnabled -eq 'True' } else { $null }
    Set-OrganizationConfig -EwsEnabled $enabled -EwsAllowedAppIDs $before.EwsAllowedAppIDs
  }
  foreach ($role in $roles) {
    if (Get-ManagementRoleAssignment | Where-Object Name -eq "mailhaul-$role") {
      Remove-ManagementRoleAssignment -Identity "mailhaul-$role" -Confirm:$false
    }
  }
  if (Get-ManagementScope | Where-Object Name -eq mailhaul-graph) {
    Remove-ManagementScope -Identity mailhaul-graph -Confirm:$false
  }
  if (Get-DistributionGroup -Filter "Name -eq 'mailhaul-graph'") {
    Remove-DistributionGroup -Identity mailhaul-graph -Confirm:$false
  }
  if (Get-ServicePrincipal | Where-Object AppId -eq $app) {
    Remove-ServicePrincipal -Identity $app -Confirm:$false
  }
  if ($known) { az ad app delete --id $app }
  Remove-Item $appFile, $mailboxFile, $ewsFile -ErrorAction Ignore
  exit
}

# Entra: the application, which signs in with a certificate of its own.
if (-not $known) {
  $app = az ad app create --display-name mailhaul --sign-in-audience AzureADMyOrg --query appId -o tsv
  Set-Content $appFile $app
}
if ($app -ne '11111111-2222-3333-4444-555555555555') { Write-Host "Write client_id = `"$app`" into the endpoint." }
if (-not (az ad sp list --filter "appId eq '$app'" --query '[].id' -o tsv)) {
  az ad sp create --id $app | Out-Null
}
# The certificate and its key are written into one PEM file, whose name is printed:
# certificate = "FILE" in the endpoint, chmod 600. One is made, not one at each run.
if (az ad app credential list --id $app --cert --query '[].keyId' -o tsv) {
  Write-Host 'The application has a certificate already. If its file is lost, make another one:'
  Write-Host "az ad app credential reset --id $app --create-cert --years 1 --append"
} else {
  az ad app credential reset --id $app --create-cert --years 1 --append
}

# The one permission: IMAP.AccessAsApp of Office 365 Exchange Online. By itself it
# opens no mailbox.
$asApp = '5e5addcd-3e8d-4e90-baf5-964efab2b20a'
if ($asApp -notin (az ad app permission list --id $app --query '[].resourceAccess[].id' -o tsv)) {
  az ad app permission add --id $app --api 00000002-0000-0ff1-ce00-000000000000 `
    --api-permissions "$asApp=Role"
}
az ad app permission admin-consent --id $app

# Exchange: the application's service principal, by the object id of the
# Enterprise application. The one of the app registration would be refused.
$sp = az ad sp show --id $app --query id -o tsv
if (-not (Get-ServicePrincipal | Where-Object AppId -eq $app)) {
  New-ServicePrincipal -AppId $app -ObjectId $sp -DisplayName mailhaul | Out-Null
}

# EWS: one permission, for the members of one group. full_access_as_app in Entra
# would open every mailbox of the tenant: don't grant it too, permissions add up.
# When the script runs again, for more mailboxes, it goes on from what is there.
if (Get-DistributionGroup -Filter "Name -eq 'mailhaul-ews'") {
  $members = (Get-DistributionGroupMember -Identity mailhaul-ews -ResultSize Unlimited).PrimarySmtpAddress
  $mailboxes | Where-Object { $_ -notin $members } |
    ForEach-Object { Add-DistributionGroupMember -Identity mailhaul-ews -Member $_ }
} else {
  New-DistributionGroup -Name mailhaul-ews -Type Security -Members $mailboxes | Out-Null
}
$group = (Get-DistributionGroup -Identity mailhaul-ews).DistinguishedName.Replace("'", "''")
if (-not (Get-ManagementScope | Where-Object Name -eq mailhaul-ews)) {
  New-ManagementScope -Name mailhaul-ews -RecipientRestrictionFilter "MemberOfGroup -eq '$group'" | Out-Null
}
if (-not (Get-ManagementRoleAssignment | Where-Object Name -eq mailhaul-ews)) {
  New-ManagementRoleAssignment -Name mailhaul-ews -App $sp -Role 'Application EWS.AccessAsApp' `
    -CustomResourceScope mailhaul-ews | Out-Null
}

# Graph: two permissions, for the members of one group. The same permissions in
# Entra would open every mailbox of the tenant: don't grant them too, they add up.
# When the script runs again, for more mailboxes, it goes on from what is there.
if (Get-DistributionGroup -Filter "Name -eq 'mailhaul-graph'") {
  $members = (Get-DistributionGroupMember -Identity mailhaul-graph -ResultSize Unlimited).PrimarySmtpAddress
  $mailboxes | Where-Object { $_ -notin $members } |
    ForEach-Object { Add-DistributionGroupMember -Identity mailhaul-graph -Member $_ }
} else {
  New-DistributionGroup -Name mailhaul-graph -Type Security -Members $mailboxes | Out-Null
}
$group = (Get-DistributionGroup -Identity mailhaul-graph).DistinguishedName.Replace("'", "''")
if (-not (Get-ManagementScope | Where-Object Name -eq mailhaul-graph)) {
  New-ManagementScope -Name mailhaul-graph -RecipientRestrictionFilter "MemberOfGroup -eq '$group'" | Out-Null
}
foreach ($role in $roles) {
  if (-not (Get-ManagementRoleAssignment | Where-Object Name -eq "mailhaul-$role")) {
    New-ManagementRoleAssignment -Name "mailhaul-$role" -App $sp -Role "Application $role" `
      -CustomResourceScope mailhaul-graph | Out-Null
  }
}
# What it came to: InScope must be True for each role.
foreach ($m in $mailboxes) {
  Test-ServicePrincipalAuthorization -Identity $sp -Resource $m |
    Where-Object RoleName -in ($roles | ForEach-Object { "Application $_" }) |
    Format-Table @{ n = 'Mailbox'; e = { $m } }, RoleName, InScope
}

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
  Add-MailboxPermission -Identity $m -User $sp -AccessRights FullAccess -AutoMapping $false | Out-Null
  Set-CASMailbox -Identity $m -ImapEnabled $true -EwsEnabled $true
  # max_message of the endpoint is more than the default of 35 MB.
  Set-Mailbox -Identity $m -MaxReceiveSize 100MB -MaxSendSize 100MB
}
Write-Host 'Done. It can take two hours to count. Then: mailhaul verify'
