"""The wiring: builds every part from the settings and hands it to whoever asks. Heavy stages load inside builders."""
