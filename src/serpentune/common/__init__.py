"""The ground under the floors: errors for people, files that are never half written, progress, versions."""
