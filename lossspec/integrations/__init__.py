"""Losses in the call forms of other libraries; nothing here is imported by lossspec itself."""
