# The password stays in the vault "team". Neither the secret nor the vault has to exist yet.
resource "kontraktor_secret_reference" "db_password" {
  project   = "billing"
  env       = "prod"
  key       = "DB_PASSWORD"
  reference = "vault://team/secret/billing/db#password"
}

# Pinned to one version of the secret.
resource "kontraktor_secret_reference" "signing_key" {
  project     = "billing"
  env         = "prod"
  key         = "SIGNING_KEY"
  reference   = "azure-kv://cloud/billing-signing-key"
  pin_version = "4387e9f3d6e14c459867679a90fd0f79"
  description = "Signs invoices"
}
