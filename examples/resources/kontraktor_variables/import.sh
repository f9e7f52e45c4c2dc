# PROJECT/ENV:KEY1,KEY2 takes these keys. What the configuration lists beside them is created by the next apply.
terraform import kontraktor_variables.checkout billing/prod:CHECKOUT_HOST,CHECKOUT_THEME,CHECKOUT_RETRIES,CHECKOUT_LIMITS

# PROJECT/ENV:* takes the environment as a whole, for ownership = "exclusive".
terraform import kontraktor_variables.preview 'billing/preview:*'

# PROJECT/ENV takes all keys that are there now, for ownership = "additive":
#   terraform import kontraktor_variables.all billing/prod
