"""The pages of those who keep the directory true."""
