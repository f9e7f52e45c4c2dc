# PROJECT/ENV:KEY1,KEY2 imports these keys. The next apply creates the other configured keys.
terraform import kontraktor_variables.checkout billing/prod:CHECKOUT_HOST,CHECKOUT_THEME,CHECKOUT_RETRIES,CHECKOUT_LIMITS

# PROJECT/ENV:* imports the whole environment, for ownership = "exclusive".
terraform import kontraktor_variables.preview 'billing/preview:*'

# PROJECT/ENV imports all existing keys, for ownership = "additive":
#   terraform import kontraktor_variables.all billing/prod
