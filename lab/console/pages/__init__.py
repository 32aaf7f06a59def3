"""What people see of the console."""
