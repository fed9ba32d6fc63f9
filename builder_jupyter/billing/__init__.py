"""What it cost: credits as FOCUS charges. Values only, no database and no network."""
