"""Widgets that know no subject: tables, JSON, texts, ages, status labels."""
