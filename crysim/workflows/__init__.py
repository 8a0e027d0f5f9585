"""What a user asks for, as functions: settings in, a result value out, nothing printed."""
