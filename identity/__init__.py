"""The login and consent app: pages in front of Ory Kratos, decisions for Ory Hydra, and the configuration of both."""
