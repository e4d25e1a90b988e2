"""The voters' web application: ballot, review, receipt and live results, for browsers that never see a token."""
