"""The originator: towards the gateway a bank like any other, towards the real bank files by its windows."""
