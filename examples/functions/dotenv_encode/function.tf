# Provider functions require Terraform 1.8, and the provider in required_providers.
output "dotenv" {
  value = provider::kontraktor::dotenv_encode({
    DB_HOST  = "db.billing.internal"
    GREETING = "Hello, # and welcome"
    MOTD     = "two\nlines"
  })
}

# A file for `docker run --env-file`, which does not know quotes.
output "docker" {
  value = provider::kontraktor::dotenv_encode({
    DB_HOST  = "db.billing.internal"
    GREETING = "it's \"me\""
  }, "docker")
}
