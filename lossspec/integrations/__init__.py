"""Losses in the call forms of other libraries; none of those is imported here."""
