"""District, building, stair, dwelling, place."""
