"""Control modes: the table of powers and the approvals."""
