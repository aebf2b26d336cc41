"""What must survive: the ledger, the configuration, accounts, keys and evidence files."""
