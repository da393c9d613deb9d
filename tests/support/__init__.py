"""What tests share: the app driven in process, and assertions in the words of the service."""
