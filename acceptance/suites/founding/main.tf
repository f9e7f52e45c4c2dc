# The founding document's examples, as written. The RDS endpoint is simulated; the provider block uses the local socket from the
# environment.

provider "kontraktor" {}

resource "terraform_data" "main" {
  input = "main.cluster-c1.rds.example.com"
}

data "kontraktor_environment" "dev" {
  project = "infra-demo"
  env     = "dev"
}

output "app_url" {
  value = data.kontraktor_environment.dev.variables["APP_URL"]
}

resource "kontraktor_variable" "db_endpoint" {
  project = "infra-demo"
  env     = "prod"
  key     = "DB_HOST"
  value   = terraform_data.main.output
  type    = "string"
}
