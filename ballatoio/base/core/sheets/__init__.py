"""Tables that people keep in spreadsheets, read and written without trusting them."""
