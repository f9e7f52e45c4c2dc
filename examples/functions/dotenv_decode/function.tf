# Provider functions require Terraform 1.8, and the provider in required_providers.
locals {
  # In a real configuration: file("${path.module}/.env")
  text = <<-EOT
    # the database
    export DB_HOST=db.billing.internal
    DB_PORT=5432 # the usual one
    GREETING='Hello, # and welcome'
    MOTD="two
    lines"
  EOT
}

output "variables" {
  value = provider::kontraktor::dotenv_decode(local.text)
}
