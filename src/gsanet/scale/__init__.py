"""Many clips: in several processes of one machine, or over a cluster. Start reading at :mod:`gsanet.scale.schedule`."""
