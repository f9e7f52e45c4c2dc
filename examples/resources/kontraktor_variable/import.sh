# The import ID is PROJECT/ENV/KEY.
terraform import kontraktor_variable.db_host billing/prod/DB_HOST
