"""What every screen has: header, keys below, live news, errors in words, safe inputs."""
