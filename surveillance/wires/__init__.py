"""Lines to devices that speak no HTTP: MQTT brokers, and OSDP on serial lines."""
