# Variables and secrets of an existing environment, as one map.
ephemeral "kontraktor_environment" "prod" {
  project = "billing"
  env     = "prod"
  prefix  = "DB_"
}

resource "terraform_data" "migration" {
  provisioner "local-exec" {
    command     = "echo migrating $DB_HOST as $DB_USER"
    environment = ephemeral.kontraktor_environment.prod.all
  }
}
