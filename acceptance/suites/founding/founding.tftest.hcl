run "what_the_data_source_reads" {
  module {
    source = "./setup"
  }
}

run "the_founding_examples" {
  assert {
    condition     = output.app_url == "https://dev.demo.example.com"
    error_message = "the data source reads what was written"
  }
  assert {
    condition     = kontraktor_variable.db_endpoint.value == "main.cluster-c1.rds.example.com"
    error_message = "the endpoint, unknown at plan, is written at apply"
  }
  assert {
    condition     = kontraktor_variable.db_endpoint.id == "infra-demo/prod/DB_HOST"
    error_message = "id is project/env/key"
  }
  assert {
    condition     = kontraktor_variable.db_endpoint.revision == 1
    error_message = "the first write of a new environment is its revision 1"
  }
}
