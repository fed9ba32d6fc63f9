"""What runs cost: accounts, the ledger and its lots, prices. Pure; `services.credits` joins it to the store."""
