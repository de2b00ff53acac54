# The users that endpoint.microsoft365.new needs. Made by: mailhaul setup microsoft365 --users
#
# It was composed from Microsoft's documentation and never run against a tenant:
# read it, and try it with one user first. It writes users-bulk-add.csv, which the
# admin centre takes under Users, Active users, Add multiple users (at most 250 at a
# time). What follows creates the users in place of that, and assigns licences. It
# needs PowerShell 7 and the module Microsoft.Graph.
#
#   ./users.ps1 -Sku LICENCE -Location CC   LICENCE as Get-MgSubscribedSku names it,
#                                           CC the country, in two letters
param([Parameter(Mandatory)][string]$Sku, [Parameter(Mandatory)][string]$Location)
$ErrorActionPreference = 'Stop'
# Cmdlets that come from a module heed the line above only so.
$PSDefaultParameterValues = @{ '*:ErrorAction' = 'Stop' }
trap {
  Write-Host "Stopped: $_"
  Write-Host 'Mend that and run the script again: it finds what is done and goes on from there.'
  Write-Host 'What was made a moment ago may take minutes to be found: wait, and run it again.'
  exit 1
}
@'
User Name,First Name,Last Name,Display Name,Job Title,Department,Office Number,Office Phone,Mobile Phone,Fax,Alternate email address,Address,City,State or Province,ZIP or Postal Code,Country or Region
${x}“å”}&#%|=@contoso.example,,,${x}“å”}&#%|=@contoso.example,,,,,,,,,,,,
"'@contoso.example",,,"'@contoso.example",,,,,,,,,,,,
anna@contoso.example,,,anna@contoso.example,,,,,,,,,,,,
o'hara@contoso.example,,,o'hara@contoso.example,,,,,,,,,,,,
o’h$x`n@contoso.example,,,o’h$x`n@contoso.example,,,,,,,,,,,,
'@ | Set-Content users-bulk-add.csv -Encoding utf8

Connect-MgGraph -TenantId 'contoso.onmicrosoft.com' -Scopes User.ReadWrite.All, Organization.Read.All
$licence = (Get-MgSubscribedSku | Where-Object SkuPartNumber -eq $Sku).SkuId
if (-not $licence) { throw "the tenant has no licence $Sku" }
foreach ($user in Import-Csv users-bulk-add.csv) {
  $name = $user.'User Name'
  $there = Get-MgUser -Filter "userPrincipalName eq '$($name -replace "'", "''")'"
  if (-not $there) {
    $bytes = [byte[]]::new(18)
    [Security.Cryptography.RandomNumberGenerator]::Fill($bytes)
    $password = [Convert]::ToBase64String($bytes)
    $there = New-MgUser -UserPrincipalName $name -DisplayName $user.'Display Name' -AccountEnabled `
      -MailNickname ($name -split '@')[0] -UsageLocation $Location `
      -PasswordProfile @{ Password = $password; ForceChangePasswordNextSignIn = $true }
    "$name,$password" | Add-Content users-passwords.csv   # hand out, then delete
  }
  if (-not (Get-MgUserLicenseDetail -UserId $there.Id | Where-Object SkuId -eq $licence)) {
    Set-MgUserLicense -UserId $there.Id -AddLicenses @{ SkuId = $licence } -RemoveLicenses @() | Out-Null
  }
}
