from ballatoio.cli import main

main()
