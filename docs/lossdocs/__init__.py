"""The pages of the site that follow from declarations: one a loss, their index, their gallery, the public names."""
