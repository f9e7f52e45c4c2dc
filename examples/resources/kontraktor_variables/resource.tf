# The variables of one application, written together. Other variables of the environment are not managed.
resource "kontraktor_variables" "checkout" {
  project = "billing"
  env     = "prod"

  variables = {
    CHECKOUT_HOST  = "checkout.billing.internal"
    CHECKOUT_THEME = ""
  }

  typed = {
    CHECKOUT_RETRIES = {
      value = 3
      type  = "number"
    }
    CHECKOUT_LIMITS = {
      value       = jsonencode({ per_minute = 600, burst = 50 })
      type        = "json"
      description = "How many requests the gateway lets through"
    }
  }
}

# All variables of an environment: a plan shows keys that other clients added, and the next apply deletes them.
resource "kontraktor_variables" "preview" {
  project   = "billing"
  env       = "preview"
  ownership = "exclusive"

  variables = {
    BASE_URL = "https://preview.billing.example"
  }

  deletion_protection = false
}
