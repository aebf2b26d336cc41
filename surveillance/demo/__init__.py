"""The demo site: simulated cameras, a badge reader and a door controller. What they show never reaches the pipeline."""
