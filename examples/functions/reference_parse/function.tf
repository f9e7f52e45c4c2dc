# Provider functions require Terraform 1.8, and the provider in required_providers.
output "parts" {
  value = provider::kontraktor::reference_parse("vault://team/secret/app/db?version=3#password")
}

# In a validation: planning fails if the input is not a reference.
variable "db_password" {
  type    = string
  default = "aws-sm://prod/billing/db?stage=AWSCURRENT#password"

  validation {
    condition     = can(provider::kontraktor::reference_parse(var.db_password))
    error_message = "db_password must be a secret reference, such as vault://team/secret/app/db#password."
  }
}
