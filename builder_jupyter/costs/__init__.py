"""What runs cost: accounts, the ledger and its lots, prices, and how FOCUS lays charges out. Values only."""
