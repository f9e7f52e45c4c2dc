resource "kontraktor_secret_reference" "db_password" {
  project   = "billing"
  env       = "prod"
  key       = "DB_PASSWORD"
  reference = "vault://team/secret/billing/db#password"
}

# By the id, because the reference is created here: the secret is read after it is written, and not while planning.
ephemeral "kontraktor_secret" "db_password" {
  id = kontraktor_secret_reference.db_password.id
}

# The value is in no state and no plan. It fits write-only arguments, provider blocks and, as here, provisioners.
resource "terraform_data" "migration" {
  triggers_replace = [kontraktor_secret_reference.db_password.revision]

  provisioner "local-exec" {
    command = "test -n \"$PGPASSWORD\" && echo migrated"

    environment = {
      PGPASSWORD = ephemeral.kontraktor_secret.db_password.value
    }
  }
}
