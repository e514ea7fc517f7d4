"""The device door: hawkBit's DDI v1 for any compatible client, and the further links our own terminals follow. Raw ASGI beside Django."""
