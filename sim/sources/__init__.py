"""What makes a sound: muzzle blasts, bullets, fireworks and other look-alikes."""
