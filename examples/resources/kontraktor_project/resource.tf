resource "kontraktor_project" "billing" {
  name        = "billing"
  description = "Invoices and payments"
}
