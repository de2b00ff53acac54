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
# - Whoever signs in needs full access to every mailbox, and keeps it.
#
#   ./delegated.ps1 -Person ADDRESS             set up
#   ./delegated.ps1 -Person ADDRESS -Teardown   take it away again
param([Parameter(Mandatory)][string]$Person, [switch]$Teardown)
$ErrorActionPreference = 'Stop'
$tenant = 'contoso.onmicrosoft.com'
$app = '11111111-2222-3333-4444-555555555555'
$mailboxes = @(
  '${x}“å”}&#%|=@contoso.example'
  '''@contoso.example'
  'anna@contoso.example'
  'o''hara@contoso.example'
  'o’’h$x`n@contoso.example'
)
az login --tenant $tenant --allow-no-subscriptions | Out-Null
Connect-ExchangeOnline -ShowBanner:$false

if ($Teardown) {
  foreach ($m in $mailboxes) {
    Remove-MailboxPermission -Identity $m -User $Person -AccessRights FullAccess -Confirm:$false
  }
  az ad app delete --id $app
  exit
}

# A public client: it has no secret, and a person proves who is there.
if (-not (az ad app list --app-id $app --query '[].appId' -o tsv)) {
  $app = az ad app create --display-name mailhaul --sign-in-audience AzureADMyOrg `
    --is-fallback-public-client true --public-client-redirect-uris http://localhost `
    https://login.microsoftonline.com/common/oauth2/nativeclient --query appId -o tsv
  Write-Host "Write client_id = `"$app`" into the endpoint, and make this script again."
} else {
  az ad app update --id $app --is-fallback-public-client true `
    --public-client-redirect-uris http://localhost https://login.microsoftonline.com/common/oauth2/nativeclient
}
if (-not (az ad sp list --filter "appId eq '$app'" --query '[].id' -o tsv)) {
  az ad sp create --id $app | Out-Null
}

# Delegated permissions of Office 365 Exchange Online: IMAP.AccessAsUser.All, and
# EWS.AccessAsUser.All for tools and transports that use EWS.
$exchange = '00000002-0000-0ff1-ce00-000000000000'
foreach ($name in 'IMAP.AccessAsUser.All', 'EWS.AccessAsUser.All') {
  $id = az ad sp show --id $exchange --query "oauth2PermissionScopes[?value=='$name'].id | [0]" -o tsv
  az ad app permission add --id $app --api $exchange --api-permissions "$id=Scope"
}
az ad app permission admin-consent --id $app

foreach ($m in $mailboxes) {
  Add-MailboxPermission -Identity $m -User $Person -AccessRights FullAccess -AutoMapping $false | Out-Null
  Set-CASMailbox -Identity $m -ImapEnabled $true
}
Write-Host 'Done. In the endpoint: device_code = true. It can take an hour to count.'
