"""The authoring package."""
