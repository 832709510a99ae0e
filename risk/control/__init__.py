"""The control room: modes, kill switches, breakers and guards around the gate, and the state they share."""
