"""Where released files, submissions, receipts and feedback are kept and handed out."""
