"""The terminal's touch screen: a process of its own that shows what the agent says and carries what people want to it."""
