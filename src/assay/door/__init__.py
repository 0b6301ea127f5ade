"""The verbs behind the public door: they bind stages, models and run folders. `import assay` is the way in."""
