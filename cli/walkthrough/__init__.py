"""The guided tour: rent paid from POST to history on a running stack, each step shown and verified."""
