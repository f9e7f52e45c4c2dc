resource "kontraktor_secret_reference" "db_password" {
  project   = "billing"
  env       = "prod"
  key       = "DB_PASSWORD"
  reference = "vault://team/secret/billing/db#password"
}

# By id, because this configuration creates the reference: the secret is read after the reference is written.
ephemeral "kontraktor_secret" "db_password" {
  id = kontraktor_secret_reference.db_password.id
}

# The value is stored in neither the state nor a plan. Use it in write-only arguments, provider blocks and provisioners.
resource "terraform_data" "migration" {
  triggers_replace = [kontraktor_secret_reference.db_password.revision]

  provisioner "local-exec" {
    command = "test -n \"$PGPASSWORD\" && echo migrated"

    environment = {
      PGPASSWORD = ephemeral.kontraktor_secret.db_password.value
    }
  }
}
