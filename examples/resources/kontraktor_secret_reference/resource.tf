# The password stays in the vault "team". Neither it nor the vault must be there yet.
resource "kontraktor_secret_reference" "db_password" {
  project   = "billing"
  env       = "prod"
  key       = "DB_PASSWORD"
  reference = "vault://team/secret/billing/db#password"
}

# One version of a secret, whatever becomes the newest.
resource "kontraktor_secret_reference" "signing_key" {
  project     = "billing"
  env         = "prod"
  key         = "SIGNING_KEY"
  reference   = "azure-kv://cloud/billing-signing-key"
  pin_version = "4387e9f3d6e14c459867679a90fd0f79"
  description = "Signs invoices"
}
