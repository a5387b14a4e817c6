"""What an entity has, over REST: entities, users, keys, tokens, events, and who one is."""
