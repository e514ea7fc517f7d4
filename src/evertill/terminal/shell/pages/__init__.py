"""The pages, one subject each. A page reads facts, or carries one act to the agent, and says what follows."""
