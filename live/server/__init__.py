"""The web server of the live demo: page, WebSocket, photographs."""
